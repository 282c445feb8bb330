"""The stages one after the other over a workspace."""
