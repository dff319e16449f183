"""See and touch: interactive views of episodes and runs."""
