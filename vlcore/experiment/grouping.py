"""Groups of a biased data set: two objects and two contexts, in the order that defines the
majority.

The first object belongs in the first context and the second in the second (horse on grass, camel in
the desert); the other two groups are the minority. Nothing but a `Grouping` spells out "horse" or
"desert"."""

from dataclasses import dataclass

from vlcore.scenes import CONTEXTS


@dataclass(frozen=True)
class Grouping:
    """Two object names and two context names, in the order that defines the majority."""

    objects: tuple[str, str] = ("horse", "camel")
    contexts: tuple[str, str] = ("grass", "desert")
    # Templates of label styles with words of this set, (style, template) with ``{object}``,
    # ``{context}`` and ``{place}``.
    templates: tuple[tuple[str, str], ...] = ()

    @property
    def object_word(self) -> str:
        """The word for an object: an animal in our scenes, an object in any other set."""
        return "animal" if self.objects == ("horse", "camel") else "object"

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The four (object, context) pairs: majority, minority, majority, minority."""
        (object_1, object_2), (context_1, context_2) = self.objects, self.contexts
        return (
            (object_1, context_1),
            (object_1, context_2),
            (object_2, context_2),
            (object_2, context_1),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The four group names, such as ``horse_grass``, in the order of `pairs`."""
        return tuple(group_name(obj, context) for obj, context in self.pairs)

    def group_of(self, obj: str, context: str) -> str:
        """The group of an image, which may show an object in another context than the two: an
        object outside its usual context is in its minority group."""
        index = self.objects.index(obj)
        groups = self.majority if context == self.contexts[index] else self.minority
        return groups[index]

    @property
    def majority(self) -> tuple[str, str]:
        return self.names[0], self.names[2]

    @property
    def minority(self) -> tuple[str, str]:
        return self.names[1], self.names[3]


def group_name(obj: str, context: str) -> str:
    return f"{obj}_{context}"


SCENES = Grouping()
# Contexts that an object is on; it is in all others.
_ON = (
    "grass lawn beach street road land water ice dirt mountain rock roof floor carpet table"
    " desk shelf bench chair sofa couch bed"
)
# Drawn contexts that pages name by other words than captions.
_WORDS = {"grass": "on grass", "room": "in a room"}


def context_phrase(context: str) -> str:
    """A context as captions name it: ``grass`` is "on the grass"."""
    preposition = "on" if context in _ON.split() else "in"
    return f"{preposition} the {context}"


def context_words(context: str) -> str:
    """A context as pages name it: ``desert`` is "in the desert", one that we do not draw is its
    name."""
    if context in CONTEXTS:
        return _WORDS.get(context) or context_phrase(context)
    return context


def group_words(grouping: Grouping) -> dict[str, str]:
    """Group name to words, such as ``horse_desert`` to "horse in the desert"; a context that we do
    not draw is set off by a comma."""
    words = {}
    for obj, context in grouping.pairs:
        separator = " " if context in CONTEXTS else ", "
        words[group_name(obj, context)] = f"{obj}{separator}{context_words(context)}"
    return words
