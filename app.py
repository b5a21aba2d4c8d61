"""Home: the question, maps that play, the four experiments of the study, and one button that runs them."""

import streamlit as st

if __name__ == "__main__":  # a visitor's page
    from vlcore.server import atlas
    from vlcore.ui import shell

    palette, bar = shell.begin("Do descriptive labels help a model that learns from biased pictures?", first=True)
    towers = atlas.choose_towers(bar)
    atlas.show(palette, towers)

    from vlcore.core.options import TOWERS_SEEN
    from vlcore.core.plain import plain
    from vlcore.datasets.subset import usual_condition  # a second at the first visit: the maps play meanwhile
    from vlcore.studies import plans
    from vlcore.ui import guide, home

    with bar:
        guide.entrance()
    intro = st.container()
    images = shell.image_set_choice()
    with shell.errors_as_sentences():
        usual = usual_condition(images).with_towers(towers)
        intro.markdown(plain(home.question(images.grouping)))
        home.groups(images, usual)
        experiments = plans.find("experiments", usual).conditions
        st.subheader("The four experiments of the study")
        st.caption(TOWERS_SEEN[towers])
        home.experiments(experiments, images, palette)
        st.subheader("What to look at next")
        shell.window()  # asked here, so that the next page draws its maps once
        home.next_steps(experiments, images.name)
else:  # the server, which imports this file once
    from vlcore.server import serving

    app = st.App(
        __file__, routes=serving.ROUTES, middleware=serving.MIDDLEWARE, lifespan=serving.lifespan,
        on_script_error=serving.note,
    )  # fmt: skip
