"""The one Java of a workspace: the runtime from a wheel, jars with their digests, trust store, start-up cache."""
