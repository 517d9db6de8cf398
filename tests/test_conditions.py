"""A condition means in Python what Django's SQL makes of it."""

from __future__ import annotations

import pytest
from django.db.models import Q

from spool_live.conditions import faults, holds
from spool_live.models import Site
from tests.testapp.models import Article, Product, Snippet

pytestmark = pytest.mark.django_db


@pytest.fixture
def goods(site: Site) -> list[Product]:
    return [
        Product.objects.create(tenant=tenant, sku=sku, stock=stock)
        for tenant, sku, stock in [(site.pk, "a", 0), (None, "b", 1), (site.pk, "c", 2)]
    ]


@pytest.fixture
def site() -> Site:
    return Site.objects.create(name="Courier")


@pytest.mark.parametrize(
    "condition",
    [
        Q(),
        ~Q(),
        Q(sku="a"),
        ~Q(sku="a"),
        Q(stock="1"),
        Q(stock__gt=0, sku__in=["a", "b"]),
        Q(stock__lt=1) | Q(stock__gte=2),
        ~(Q(stock__lte=1) & ~Q(sku="b")),
        Q(sku="a") ^ Q(stock=0) ^ Q(stock=1),
        Q(tenant=None),
        Q(tenant__isnull=False),
        ~Q(tenant__isnull=False),
        Q(tenant__in=[None]),
        Q(sku__in=[]),
        ~Q(sku__in=[]),
        Q(pk__gt=0),
    ],
    ids=str,
)
def test_chooses_what_a_query_chooses(goods: list[Product], condition: Q) -> None:
    assert list(faults(condition, Product)) == []
    chosen = {item.pk for item in goods if holds(condition, item)}
    assert chosen == set(Product.objects.filter(condition).values_list("pk", flat=True))


def test_null_is_not_equal_to_anything_and_not_smaller(site: Site) -> None:
    snippet, article = Snippet(text="x"), Article(site=site, status="draft")
    for condition in (Q(section=1), Q(section__gt=0), Q(section__in=[1])):
        assert not holds(condition, snippet)
        assert holds(~condition, snippet)
    assert holds(Q(site=site), article)
    assert holds(Q(site=str(site.pk)), article)
    assert not holds(Q(site_id=None), article)
