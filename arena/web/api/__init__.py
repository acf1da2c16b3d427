"""The images API: what programs ask for pictures, in the words of OpenAI's images API."""
