"""What Tonewright costs, measured on this machine: `make bench`."""
