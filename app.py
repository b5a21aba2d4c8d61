"""Home: the question, maps that play, and the four experiments of the study with their button."""

import streamlit as st

if __name__ == "__main__":  # a visitor's page
    from vlcore.web import shell
    from vlcore.web.address import HomeState
    from vlcore.web.home import animation

    palette, bar = shell.begin(HomeState, "Do descriptive captions help a biased model?")
    with shell.settings(bar):
        towers = shell.towers_choice()
    animation.show_riddle(palette, towers)

    # This takes a second at the first visit: the maps play meanwhile.
    from vlcore.data.subset import usual_condition
    from vlcore.experiment.plain_text import plain
    from vlcore.study import plans
    from vlcore.web import guide
    from vlcore.web.home import sections
    from vlcore.web.lesson import session

    images = shell.image_set_of_address()
    with bar:
        guide.entrance()
        session.resume_controls()
    with shell.attributed(images), shell.errors_as_sentences():
        usual = usual_condition(images).with_towers(towers)
        st.markdown(plain(sections.question(images.grouping)))
        width, _ = shell.window()
        if not animation.has_atlas(images.name, towers):  # else the maps above have a legend
            sections.show_groups(images, usual, width)
        experiments = plans.find("experiments", usual).conditions
        st.subheader("The study's four experiments")
        sections.show_experiments(experiments, images, palette, width)
        sections.show_next_steps(experiments)
else:  # the server imports this file once
    from vlcore.web import serving

    app = st.App(
        __file__,
        routes=serving.ROUTES,
        middleware=serving.MIDDLEWARE,
        lifespan=serving.lifespan,
        on_script_error=serving.note,
    )
