//! Real calls over loopback: a WebRTC client, or a WebSocket, against the server.

mod admission;
mod ends;
mod kept;
mod load;
mod measured;
mod recognised;
mod resumed;
mod spoken;
mod websocket;
