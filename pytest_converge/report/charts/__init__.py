"""Charts in plain values, for every library that draws them."""
