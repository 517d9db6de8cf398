from django.urls import path

from . import live_views, printed, views

app_name = "newsroom"

urlpatterns = [
    path("", views.index, name="index"),
    path("split/", views.split, name="split"),
    path("sites/<slug:publication>/", views.front, name="front"),
    path("sites/<slug:publication>/sections/<slug:section>/", views.front, name="section"),
    path("sites/<slug:publication>/stories/<slug:article>/", views.article, name="article"),
    path("sites/<slug:publication>/articles.json", views.cards_json, name="cards"),
    path("sites/<slug:publication>/articles/<uuid:item>.json", views.story_json, name="story"),
    path("sites/<slug:publication>/art/<uuid:item>.svg", views.art_svg, name="art"),
    path("sites/<slug:publication>/live/", live_views.live, name="live"),
    path("sites/<slug:publication>/printed/", printed.printed, name="printed"),
    path("sites/<slug:publication>/webhook/", printed.webhook, name="webhook"),
]
