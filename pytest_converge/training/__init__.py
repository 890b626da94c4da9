"""What a training is and how it runs: the only part that imports TensorFlow and Keras."""
