"""Makes ``many-task``, a table of measured trainings on hundreds of small tasks; what is in it and why: ``docs/many_task.md``.

    python -m benchmarks.many_task.make --data DATA_FOLDER --out benchmarks/many_task/shards

From examples to figures: a source (``sources/``) gives raw examples; a recipe (``recipe.py``) cuts, views (``views.py``) and changes
(``changes.py``) them into a task; ``catalogue.py`` lists the recipes; ``architectures.py`` draws what is trained on all tasks,
``trainings.py`` trains it, and ``shards.py`` keeps the figures.
"""
