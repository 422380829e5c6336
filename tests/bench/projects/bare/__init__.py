"""A bare Django project: its own LoginView, one page behind LoginRequiredMiddleware, nothing else."""
