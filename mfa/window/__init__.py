"""The MFA window: what it says, what its acts mean, and its pages. One's own, or that of somebody one manages."""
