"""Addresses of campaigns and approvals."""

from django.urls import path

from campaigns.views import approvals, coming, on_contacts, planning, running, scheduling, sending, writing

urlpatterns = [
    path("campaigns/", planning.listing, name="campaigns"),
    path("campaigns/new/", planning.new, name="campaign_new"),
    path("campaigns/calendar/", coming.calendar, name="campaign_calendar"),
    path("campaigns/<int:pk>/", running.campaign, name="campaign"),
    path("campaigns/<int:pk>/setup/", planning.setup, name="campaign_setup"),
    path("campaigns/<int:pk>/audience/", planning.audience, name="campaign_audience"),
    path("campaigns/<int:pk>/design/", writing.design, name="campaign_design"),
    path("campaigns/<int:pk>/start-over/", writing.start_over, name="campaign_start_over"),
    path("campaigns/<int:pk>/undo/", writing.undo, name="campaign_undo"),
    path("campaigns/<int:pk>/save-as-template/", writing.save_as_template, name="campaign_save_as_template"),
    path("campaigns/<int:pk>/test/", writing.test, name="campaign_test"),
    path("campaigns/<int:pk>/preview/", writing.preview, name="campaign_preview"),
    path("campaigns/<int:pk>/review/", planning.review, name="campaign_review"),
    path("campaigns/<int:pk>/progress/", running.progress, name="campaign_progress"),
    path("campaigns/<int:pk>/ask/", running.ask, name="campaign_ask"),
    path("campaigns/<int:pk>/launch/", running.launch, name="campaign_launch"),
    path("campaigns/<int:pk>/duplicate/", planning.duplicate, name="campaign_duplicate"),
    path("campaigns/<int:pk>/schedule/", scheduling.schedule, name="campaign_schedule"),
    path("campaigns/<int:pk>/unschedule/", scheduling.unschedule, name="campaign_unschedule"),
    path("campaigns/<int:pk>/reschedule/<int:seconds>/", scheduling.reschedule, name="campaign_reschedule"),
    path("campaigns/<int:pk>/pause/", running.pause, name="campaign_pause"),
    path("campaigns/<int:pk>/resume/", running.resume, name="campaign_resume"),
    path("campaigns/<int:pk>/cancel/", running.cancel, name="campaign_cancel"),
    path("contacts/<int:pk>/messages/", on_contacts.messages, name="contact_messages"),
    path("sending/", sending.page, name="sending"),
    path("sending/now/", sending.now, name="sending_now"),
    path("sending/sources/<int:pk>/rest/", sending.rest, name="sending_rest"),
    path("sending/sources/<int:pk>/until/<int:seconds>/", sending.until, name="sending_until"),
    path("sending/pools/<int:pk>/", sending.pool, name="sending_pool"),
    path("sending/pools/<int:pk>/as/<str:before>/", sending.pool_as, name="sending_pool_as"),
    path("sending/providers/<int:pk>/", sending.provider, name="sending_provider"),
    path("sending/providers/<int:pk>/as/<str:before>/", sending.provider_as, name="sending_provider_as"),
    path("approvals/", approvals.listing, name="approvals"),
    path("approvals/<int:pk>/", approvals.approval, name="approval"),
    path("approvals/<int:pk>/preview/", approvals.preview, name="approval_preview"),
]
