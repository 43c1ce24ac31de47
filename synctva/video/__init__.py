"""Video: decoding, the face networks, and the visual encoder."""
