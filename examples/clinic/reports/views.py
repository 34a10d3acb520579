from django.contrib.auth.mixins import LoginRequiredMixin
from django.urls import reverse_lazy
from django.views.generic import CreateView, DeleteView, TemplateView, UpdateView
from rest_framework.viewsets import ModelViewSet

from letters.models import Letter
from people.models import Profile

from .models import Report
from .serializers import ReportSerializer


class Home(LoginRequiredMixin, TemplateView):
    template_name = "home.html"

    def get_context_data(self, **context):
        return super().get_context_data(
            profile=Profile.objects.filter(user=self.request.user).select_related("avatar").first(),
            reports=Report.objects.filter(author=self.request.user).prefetch_related("attachments"),
            letters=Letter.objects.all(),
            **context,
        )


class OwnReports(LoginRequiredMixin):
    """A user sees and changes their own reports."""

    model = Report
    fields = ("patient", "findings", "attachments")
    template_name = "form.html"
    success_url = reverse_lazy("home")

    def get_queryset(self):
        return Report.objects.filter(author=self.request.user)


class ReportCreate(OwnReports, CreateView):
    extra_context = {"title": "New report"}

    def form_valid(self, form):
        form.instance.author = self.request.user
        return super().form_valid(form)


class ReportUpdate(OwnReports, UpdateView):
    extra_context = {"title": "Report"}


class ReportDelete(OwnReports, DeleteView):
    fields = None
    extra_context = {"title": "Delete this report and its files?", "button": "Delete"}


class ReportViewSet(ModelViewSet):
    """The same over HTTP, for the clinic's phones."""

    queryset = Report.objects.all()
    serializer_class = ReportSerializer

    def get_queryset(self):
        return super().get_queryset().filter(author=self.request.user).prefetch_related("attachments")

    def perform_create(self, serializer):
        serializer.save(author=self.request.user)
