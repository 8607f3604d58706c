"""Networks: their steps, rounds, runs and theory; they need PyTorch."""
