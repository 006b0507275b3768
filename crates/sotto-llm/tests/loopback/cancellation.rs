//! Dropping a reply closes its connection, whatever it is doing. The tests end when the server has seen it.

use std::{future::poll_fn, task::Poll, time::Duration};

use futures_util::{Stream, StreamExt};
use sotto_llm::{Delta, Provider};
use tokio::time::timeout;

use crate::{
    openai, request,
    server::{Server, Step, answer, says, sse},
};

async fn client_left(server: &Server) {
    timeout(Duration::from_secs(2), server.client_left()).await.expect("the connection is closed");
}

#[tokio::test]
async fn in_the_middle_of_a_reply() {
    let server = Server::always(vec![sse(), Step::Repeat(says("and on ").into_bytes())]).await;
    let mut reply = openai(&server).chat(request());
    for _ in 0..3 {
        assert!(matches!(reply.next().await, Some(Ok(Delta::Text(_)))));
    }
    drop(reply);
    client_left(&server).await;
}

#[tokio::test]
async fn while_waiting_for_the_next_word() {
    let server =
        Server::always(vec![sse(), Step::Chunk(says("Well").into_bytes()), Step::Hang]).await;
    let mut reply = openai(&server).chat(request());
    assert!(matches!(reply.next().await, Some(Ok(Delta::Text(_)))));
    assert!(timeout(Duration::from_millis(20), reply.next()).await.is_err());
    drop(reply);
    client_left(&server).await;
}

#[tokio::test]
async fn while_waiting_for_the_server_to_answer_at_all() {
    for steps in [vec![Step::Hang], vec![sse(), Step::Hang]] {
        let server = Server::always(steps).await;
        let mut reply = openai(&server).chat(request());
        wait_for_request(&mut reply, &server).await;
        drop(reply);
        client_left(&server).await;
    }
}

#[tokio::test]
async fn while_an_answer_in_one_piece_comes() {
    let mut steps = answer("200 OK", "application/json", "{\"choices\":[]}");
    let Step::Send(bytes) = &mut steps[0] else { unreachable!() };
    bytes.pop();
    steps.push(Step::Hang);
    let server = Server::always(steps).await;
    let mut reply = openai(&server).chat(request());
    wait_for_request(&mut reply, &server).await;
    drop(reply);
    client_left(&server).await;
}

#[tokio::test]
async fn other_replies_go_on() {
    let server = Server::scripted(vec![
        vec![sse(), Step::Hang],
        crate::server::stream(&(says("Air.") + "data: [DONE]\n\n")),
    ])
    .await;
    let openai = openai(&server);
    let mut dropped = openai.chat(request());
    wait_for_request(&mut dropped, &server).await;
    drop(dropped);
    assert_eq!(crate::read_good(&openai).await.0, "Air.");
}

/// Polls a reply that has nothing to say until the server has its request.
async fn wait_for_request(reply: &mut (impl Stream + Unpin), server: &Server) {
    while server.requests().is_empty() {
        poll_fn(|context| {
            assert!(reply.poll_next_unpin(context).is_pending());
            Poll::Ready(())
        })
        .await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
