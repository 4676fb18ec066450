"""The data factory: from cards, scenes and public corpora to packed training rows."""
