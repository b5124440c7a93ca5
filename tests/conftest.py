"""One thread for all tests: toys are too small for more, and sums come out the same everywhere."""

import os

# before torch is imported anywhere; processes that a test starts inherit it
os.environ.setdefault("OMP_NUM_THREADS", "1")
