"""The paper's questions as experiments that a CPU can run."""
