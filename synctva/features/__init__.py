"""Features of conversations: text features, feature sets on disk, and extraction from media."""
