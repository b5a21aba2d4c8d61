"""Streamlit still has what we use beside its public interface: fails when an upgrade renames it."""

from typing import Any
from unittest.mock import Mock

import pytest
import streamlit as st
from streamlit import delta_generator, env_util, net_util
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime import runtime_util
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.runtime import Runtime, RuntimeConfig
from streamlit.runtime.session_manager import SessionInfo
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from streamlit.web.server.server_util import is_url_from_allowed_origins

from vlcore.experiment import limits
from vlcore.web import streamlit_private


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Runtime:
    """Streamlit's own runtime, as a server has it."""
    monkeypatch.setattr(Runtime, "_instance", None)
    files = MemoryUploadedFileManager("/_stcore/upload_file")
    return Runtime(RuntimeConfig("app.py", MemoryMediaFileStorage("/media"), files))


def test_stored_upload_bytes(runtime: Runtime) -> None:
    for name, size in (("one", 3), ("two", 4)):
        file = UploadedFileRec(name, "a.png", "image/png", bytes(size))
        runtime.uploaded_file_mgr.add_file("session", file)
    assert streamlit_private.stored_upload_bytes() == {"session": 7}


def test_nobody_waits_for_a_look_at_the_console(monkeypatch: pytest.MonkeyPatch) -> None:
    look = Mock(return_value=False)
    monkeypatch.setattr(env_util, "is_repl", look)
    monkeypatch.setattr(delta_generator, "_use_warning_has_been_displayed", False)
    streamlit_private.skip_warning_of_use()
    st.text("a first element")
    look.assert_not_called()
    monkeypatch.setattr(delta_generator, "_use_warning_has_been_displayed", False)
    st.text("what Streamlit does by itself")
    look.assert_called()


def test_a_page_of_another_site_makes_the_server_ask_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask = Mock(return_value=None)
    monkeypatch.setattr(net_util, "_make_blocking_http_get", ask)
    monkeypatch.setattr(net_util, "_external_ip", None)
    assert not is_url_from_allowed_origins("http://evil.example")
    assert ask.called, "what Streamlit does by itself"
    ask.reset_mock()
    streamlit_private.forget_external_address()
    for origin in ("http://evil.example", "null", "http://", "http://:80"):
        assert not is_url_from_allowed_origins(origin)
    ask.assert_not_called()


def test_disconnected_sessions_are_kept_and_shut_down_when_they_expire(runtime: Runtime) -> None:
    manager: Any = runtime._session_mgr
    assert isinstance(manager._session_storage, MemorySessionStorage)
    streamlit_private.keep_disconnected_sessions(300)
    for number in range(200):  # more than by default
        session = Mock(id=str(number))
        manager._session_storage.save(SessionInfo(client=None, session=session, script_run_count=1))
    assert len(manager._session_storage.list()) == 200
    assert streamlit_private.shut_down_expired_sessions() == 200
    session.shutdown.assert_not_called()
    expired = MemorySessionStorage(ttl_seconds=0)
    manager._session_storage = expired
    expired.save(SessionInfo(client=None, session=session, script_run_count=1))
    assert streamlit_private.shut_down_expired_sessions() == 0
    session.shutdown.assert_called_once()


def test_a_session_is_connected_until_its_page_is_left(runtime: Runtime) -> None:
    assert streamlit_private.session_name() == "", "no page runs here"
    manager: Any = runtime._session_mgr
    manager._active_session_info_by_id["open"] = Mock()
    assert streamlit_private.is_connected("open")
    assert not streamlit_private.is_connected("left")


def test_allow_bytes_to_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_util, "_max_message_size_bytes", None)
    assert runtime_util.get_max_message_size_bytes() == 10**6
    streamlit_private.allow_bytes_to_pages(limits.TOLD_BYTES)
    assert runtime_util.get_max_message_size_bytes() == limits.TOLD_BYTES


def files(*names: str) -> dict[str, Any]:
    """Widgets of a page that has a file in each of its uploaders."""
    uploads = [{"uploaded_file_info": [{"file_id": name}]} for name in names]
    widgets = [{"id": "$$ID", "file_uploader_state_value": upload} for upload in uploads]
    return {"widget_states": {"widgets": widgets}}


def request(**payload: Any) -> dict[str, Any]:
    return {"request_id": "1", "session_id": "session", **payload}


@pytest.mark.parametrize(
    ("content", "is_ours"),
    [
        ({"rerun_script": {"query_string": "a=1"}}, True),
        ({"app_heartbeat": True}, True),
        ({"stop_script": True}, True),
        ({"backend_operation_request": request(deferred_file={"file_id": "f"})}, True),
        ({"backend_operation_request": request()}, False),
        ({"file_urls_request": {"file_names": ["image.png"] * 1_000}}, True),
        ({"file_urls_request": {"file_names": [""] * (limits.UPLOAD_NAMES + 1)}}, False),
        ({"rerun_script": files("a", "b")}, True),
        ({"rerun_script": files("a", "a")}, False),
        ({"clear_cache": True}, False),
    ],
)
def test_is_page_message(content: dict[str, Any], is_ours: bool) -> None:
    assert streamlit_private.is_page_message(BackMsg(**content).SerializeToString()) == is_ours
    assert not streamlit_private.is_page_message(b"\xff\xff")
