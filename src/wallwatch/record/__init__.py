"""The public record: documents, statements read out of them, claims held against what was measured."""
