"""Benchmarks that anyone can repeat: `make bench`. `README.md` explains the figures."""
