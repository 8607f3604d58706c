"""What has nothing to do with distributed SGD: errors, units, files, signals."""
