"""Jobs on a real Slurm whose nodes are namespaces of this machine; needs root."""
