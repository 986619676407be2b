"""How the images of a prompt are named, for models whose guide asks for it."""


def by_number(prompt: str, roles: tuple[str, ...]) -> str:
    """FLUX.2 speaks of its references as "image 1", "image 2" (BFL's FLUX.2 guide, providers reference B3). One needs no name."""
    if len(roles) < 2:
        return prompt
    named = ", ".join(f"image {n} is the {role}" for n, role in enumerate(roles, start=1))
    return f"{named[0].upper()}{named[1:]}. {prompt}"
