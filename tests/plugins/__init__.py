"""Parts of one's own: classes beside the experiment, installed ones, and their contracts."""
