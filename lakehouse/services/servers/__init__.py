"""The servers of a workspace, one file each: what is started, with which configuration."""
