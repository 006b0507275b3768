//! A new path for a call that goes on: an ICE restart, as after a change from one network to another.

use reqwest::{Url, header};
use webrtc::peer_connection::{PeerConnection, RTCSessionDescription};

use super::ClientError;
use super::negotiation::refused;
use crate::pipeline::transport::webrtc::WebRtcError;

/// Makes new credentials, tells the server and takes its own.
///
/// Candidates are not waited for: the server sees where the new checks come from.
pub(super) async fn restart_ice(
    connection: &dyn PeerConnection,
    http: &reqwest::Client,
    location: &Url,
) -> Result<(), ClientError> {
    connection.restart_ice().await?;
    let offer = connection.create_offer(None).await?;
    connection.set_local_description(offer).await?;
    let offer = connection.local_description().await.ok_or(WebRtcError::Gathering)?;
    let request = http
        .patch(location.clone())
        .header(header::CONTENT_TYPE, "application/sdp")
        .header(header::IF_MATCH, "*");
    let response = request.body(offer.sdp).send().await?;
    if !response.status().is_success() {
        return Err(refused(response).await);
    }
    let answer = RTCSessionDescription::answer(response.text().await?)?;
    connection.set_remote_description(answer).await?;
    Ok(())
}
