"""Asking Trino."""
