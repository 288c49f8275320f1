"""What the compose file needs: the images, and the secrets made before its first start."""
