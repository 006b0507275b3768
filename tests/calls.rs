//! Real calls over loopback: a WebRTC client, or a WebSocket, against the server.

mod ends;
mod kept;
mod recognised;
mod resumed;
mod spoken;
mod websocket;
