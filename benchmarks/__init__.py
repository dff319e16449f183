"""Speed, measured side by side with other ways to do the same work: `make bench`."""
