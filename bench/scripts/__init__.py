"""Small programs that the benchmarks run in an interpreter of their own."""
