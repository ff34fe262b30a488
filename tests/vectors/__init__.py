"""The test vectors of docs/vectors, and what proves them: the library, and the page's programs."""
