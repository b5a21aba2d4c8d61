"""Everything that we use of Streamlit beside its public interface, a function each.

An upgrade of Streamlit may rename any of it; `tests/web/test_streamlit_private.py` then fails.
"""

from collections import Counter
from typing import Any

import streamlit as st
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from streamlit import delta_generator, net_util
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime import runtime_util
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.scriptrunner import get_script_run_ctx

from vlcore.experiment import limits

_PAGE_MESSAGES = ("rerun_script", "stop_script", "app_heartbeat", "file_urls_request")
_REQUESTS = ("deferred_file", "dataframe_chunk")


def stored_upload_bytes() -> Counter[str]:
    """Bytes of the uploaded files that Streamlit holds, by session."""
    sessions = list(_runtime().uploaded_file_mgr.file_storage.items())
    return Counter(
        {session: sum(len(file.data) for file in files.values()) for session, files in sessions}
    )


def keep_disconnected_sessions(count: int) -> None:
    """Let so many visitors whose connection ended find their page again for two minutes."""
    _runtime()._session_mgr._session_storage = MemorySessionStorage(count)


def shut_down_expired_sessions() -> int:
    """Forget sessions that were left two minutes ago, with their uploads; how many there are now.

    Streamlit itself looks for them only when another visitor leaves. On the loop of the server.
    """
    manager = _runtime()._session_mgr
    for _, expired in manager._session_storage._cache.expire():
        expired.session.shutdown()
    return len(manager.list_sessions())


def skip_warning_of_use() -> None:
    """Do not look whether Streamlit runs in a console, for which the first visitor waits 0.3 s."""
    delta_generator._use_warning_has_been_displayed = True


def forget_external_address() -> None:
    """Ask nobody for this machine's address, for which a page of another site would block the
    server for two seconds, again and again; pages of this site are known by their host."""
    net_util._external_ip = ""


def session_name() -> str:
    """Name of the session of the page that runs; empty where none does."""
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else ""


def take_address_of_history() -> None:
    """Let a page that a visitor comes back to read all settings of its address.

    On the way from another page Streamlit leaves out those that have a control there too, such as
    the image set, for it takes them for left over: Back to a page of an own set showed the usual
    one.
    """
    context = get_script_run_ctx(suppress_warning=True)
    if context is None or not context.is_history_navigation:
        return
    with context.session_state.query_params() as settings:
        settings.set_initial_query_params(context.query_string)
        settings.populate_from_query_string(context.query_string)
        settings._send_query_param_msg()  # the browser was told to leave them out


def is_connected(session: str) -> bool:
    """Whether the page of a session is open now; one that was left is kept for two minutes."""
    return bool(_runtime().is_active_session(session))


def allow_bytes_to_pages(size: int) -> None:
    """Let a message to a page be larger than one of a page, for which Streamlit has one limit.

    That of incoming messages was read as the server began.
    """
    runtime_util._max_message_size_bytes = size


def is_page_message(data: bytes) -> bool:
    """Whether a websocket message is one that pages send.

    Not such are orders for everybody, such as to empty all caches, and what costs far more than it
    says: a file that is named twice, which is copied each time, or very many new files.
    """
    message = BackMsg()
    try:
        message.ParseFromString(data)
    except DecodeError:
        return False
    file_ids = [
        file.file_id
        for widget in message.rerun_script.widget_states.widgets
        for file in widget.file_uploader_state_value.uploaded_file_info
    ]
    if len(file_ids) != len(set(file_ids)):
        return False
    if len(message.file_urls_request.file_names) > limits.UPLOAD_NAMES:
        return False
    kind = message.WhichOneof("type")
    if kind == "backend_operation_request":
        return message.backend_operation_request.WhichOneof("payload") in _REQUESTS
    return kind in _PAGE_MESSAGES


def _runtime() -> Any:
    return st.runtime.get_instance()
