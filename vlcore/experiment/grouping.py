"""Groups of a biased data set: two objects and two contexts in an order that says which groups are
the majority.

The first object belongs in the first context and the second in the second (horse on grass, camel in
the desert); the other two groups are the minority. Nothing but a `Grouping` spells out "horse" or
"desert"."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Grouping:
    """Two object names and two context names, in the order that defines the majority."""

    objects: tuple[str, str] = ("horse", "camel")
    contexts: tuple[str, str] = ("grass", "desert")
    # Templates of label styles, (style, template) with ``{object}``, ``{context}`` and ``{place}``,
    # if other words.
    templates: tuple[tuple[str, str], ...] = ()

    @property
    def object_word(self) -> str:
        """What people call an object of these: an animal in our scenes, an object in a set that we
        know less of."""
        return "animal" if self.objects == ("horse", "camel") else "object"

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The four (object, context) pairs: majority, minority, majority, minority."""
        (first, second), (here, there) = self.objects, self.contexts
        return ((first, here), (first, there), (second, there), (second, here))

    @property
    def names(self) -> tuple[str, ...]:
        """The four group names, such as ``horse_grass``, in the order of `pairs`."""
        return tuple(group_name(obj, context) for obj, context in self.pairs)

    def group_of(self, obj: str, context: str) -> str:
        """The group of a picture, which may show an object in another context than the two: whoever
        is not in its usual one is of its object's minority group."""
        at = self.objects.index(obj)
        return self.majority[at] if context == self.contexts[at] else self.minority[at]

    @property
    def majority(self) -> tuple[str, str]:
        return self.names[0], self.names[2]

    @property
    def minority(self) -> tuple[str, str]:
        return self.names[1], self.names[3]


def group_name(obj: str, context: str) -> str:
    return f"{obj}_{context}"


SCENES = Grouping()
# Contexts that something is on; it is in all others.
_ON = {
    "grass",
    "lawn",
    "beach",
    "street",
    "road",
    "land",
    "water",
    "ice",
    "dirt",
    "mountain",
    "rock",
    "roof",
    "floor",
    "carpet",
    "table",
    "desk",
    "shelf",
    "bench",
    "chair",
    "sofa",
    "couch",
    "bed",
}
# What pages say of drawn scenes; another context is set off by a comma and stays understandable.
_PLACES = {
    "grass": "on grass",
    "desert": "in the desert",
    "snow": "in the snow",
    "beach": "on the beach",
    "street": "on the street",
    "room": "in a room",
}


def place_phrase(context: str) -> str:
    """A context as captions say it: ``grass`` is "on the grass"."""
    return f"{'on' if context in _ON else 'in'} the {context}"


def place_words(context: str) -> str:
    """A context as one says where something is: ``desert`` is "in the desert"."""
    return _PLACES.get(context, context)


def group_words(grouping: Grouping) -> dict[str, str]:
    """Group name to words, such as ``horse_desert`` to "horse in the desert"."""
    return {
        group_name(obj, context): f"{obj}{'' if context in _PLACES else ','} {place_words(context)}"
        for obj, context in grouping.pairs
    }
