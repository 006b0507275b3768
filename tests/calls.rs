//! Real calls over loopback: a WebRTC client, or a WebSocket, against the server.

mod ends;
mod recognised;
mod spoken;
mod websocket;
