"""What is known of a Keras model without running it."""
