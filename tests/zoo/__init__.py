"""The zoo: healthy and sick trainings, sound and broken pipelines; tests and benchmarks use it."""
