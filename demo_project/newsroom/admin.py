"""The newsroom's admin: editors see the content of their own sites only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timezone import localtime

from spool_live.models import Site

from .models import Article, Category, Publication, SiteEditor, Tag

if TYPE_CHECKING:
    from django.db.models.fields.related import ForeignKey, ManyToManyField

    AnyAdmin = admin.ModelAdmin[Any]
else:
    AnyAdmin = admin.ModelAdmin  # not subscriptable at run time

admin.site.site_header = "Newsroom"
admin.site.site_title = "Newsroom"
admin.site.index_title = "Desks"
admin.site.enable_nav_sidebar = False


def edited_sites(request: HttpRequest) -> QuerySet[Site]:
    """Return the sites with a paper that the signed-in user may edit: all for a superuser."""
    papers = Site.objects.filter(publication__isnull=False)
    return papers if request.user.is_superuser else papers.filter(editors__user=request.user.pk)


class SiteContentAdmin(AnyAdmin):
    """Admin of content with a ``site``, limited to the sites of the editor."""

    related_to_site: ClassVar[dict[str, type[Model]]] = {}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(site__in=edited_sites(request))

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        if db_field.name == "site":
            kwargs["queryset"] = sites = edited_sites(request)
            kwargs["initial"] = sites.first()
        elif db_field.name in self.related_to_site:
            kwargs["queryset"] = self._choices(db_field.name, request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(
        self, db_field: ManyToManyField[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name in self.related_to_site:
            kwargs["queryset"] = self._choices(db_field.name, request)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Offer the filter by site only to users who see more than one."""
        filters = super().get_list_filter(request)
        return ("site", *filters) if request.user.is_superuser else filters

    def _choices(self, field: str, request: HttpRequest) -> QuerySet[Any]:
        model = self.related_to_site[field]
        return model._default_manager.filter(site__in=edited_sites(request))


class SectionFilter(admin.RelatedFieldListFilter):
    """Offer only the sections of the editor's own sites."""

    def field_choices(
        self, field: Any, request: HttpRequest, model_admin: AnyAdmin
    ) -> list[tuple[str, Any]]:
        choices: list[tuple[str, Any]] = field.get_choices(
            include_blank=False, limit_choices_to={"site__in": edited_sites(request)}
        )
        return choices


@admin.register(Article)
class ArticleAdmin(SiteContentAdmin):
    related_to_site: ClassVar = {"category": Category, "tags": Tag}
    list_display = ("title", "state", "category", "byline", "hour")
    list_filter: ClassVar = ("status", ("category", SectionFilter))
    list_select_related = ("category", "site__publication")
    list_per_page = 30
    search_fields = ("title", "summary", "body")
    search_help_text = "Words in the title, the summary or the text"
    prepopulated_fields: ClassVar = {"slug": ["title"]}
    filter_horizontal = ("tags",)
    actions = ("publish", "unpublish")
    readonly_fields = ("updated_at",)
    save_on_top = True
    fieldsets = (
        (None, {"fields": ("title", "summary", "body")}),
        ("Publication", {"fields": (("status", "publish_at"), "slug", "updated_at")}),
        ("Desk", {"fields": ("site", "category", "byline", "tags")}),
    )

    @admin.display(description="Status", ordering="status")
    def state(self, article: Article) -> str:
        return format_html(
            '<span class="state state-{}">{}</span>', article.status, article.get_status_display()
        )

    @admin.display(description="Publish at", ordering="publish_at")
    def hour(self, article: Article) -> str | None:
        if article.publish_at is None:
            return None
        return date_format(localtime(article.publish_at), "j M, H:i")

    @admin.action(description="Publish now", permissions=["change"])
    def publish(self, request: HttpRequest, articles: QuerySet[Article]) -> None:
        """Publish the articles one by one: a bulk update sends no signals, so nothing would be
        recorded."""
        for article in articles:
            article.status, article.publish_at = Article.Status.PUBLISHED, None
            article.save()
        self.message_user(request, f"Published: {len(articles)}.")

    @admin.action(description="Take off the page (back to draft)", permissions=["change"])
    def unpublish(self, request: HttpRequest, articles: QuerySet[Article]) -> None:
        for article in articles:
            article.status = Article.Status.DRAFT
            article.save()
        self.message_user(request, f"Taken off the page: {len(articles)}.")

    def view_on_site(self, article: Article) -> str | None:
        """Return the article's public page, if the article is public."""
        return article.get_absolute_url() if article.is_public else None


@admin.register(Category)
class CategoryAdmin(SiteContentAdmin):
    list_display = ("name", "slug", "site")
    search_fields = ("name",)
    prepopulated_fields: ClassVar = {"slug": ["name"]}


@admin.register(Tag)
class TagAdmin(SiteContentAdmin):
    list_display = ("name", "slug", "site")
    search_fields = ("name",)
    prepopulated_fields: ClassVar = {"slug": ["name"]}


@admin.register(Publication)
class PublicationAdmin(AnyAdmin):
    list_display = ("site", "slug", "tagline", "theme")


@admin.register(SiteEditor)
class SiteEditorAdmin(AnyAdmin):
    list_display = ("user", "site")
    list_filter = ("site",)
