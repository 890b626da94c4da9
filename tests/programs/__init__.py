"""Small programs in every style that people train in, healthy and sick; see `table.py`."""
