"""What is measured: `python -m benchmarks`, which `make bench` does. Figures and ratios, never a test."""
