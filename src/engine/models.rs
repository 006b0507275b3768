//! The language models that a person may choose from, and how far their words would go with each.
//!
//! Names, tiers and abilities are all that there is to write down: no address and no key comes this far.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use sotto_llm::Provider;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout};
use utoipa::ToSchema;

/// How long a list is good for.
const KEPT_FOR: Duration = Duration::from_mins(1);
/// The same where the server did not give one: it may have been starting.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// A person waits for the list: a server that takes longer is taken for one that fails.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a person may choose from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ModelList {
    /// In the server's order.
    pub models: Vec<Model>,
    /// The one that answers who has not chosen; none if no model is configured and none known.
    pub default: Option<String>,
}

/// A language model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Model {
    /// What it is asked for by.
    pub name: String,
    /// How far words go that it answers.
    pub tier: Tier,
    /// What it can do.
    #[schema(value_type = Vec<String>)]
    pub abilities: [&'static str; 1],
}

/// Where a model runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ModelTier)]
pub enum Tier {
    /// On an address of `privacy.on_premises`, or in this process.
    OnPremises,
    /// Elsewhere, or nobody knows where.
    Cloud,
}

impl ModelList {
    /// The model of that name.
    pub fn get(&self, name: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.name == name)
    }
}

/// Asks providers for their models, not more often than once a minute. One for the whole server.
#[derive(Default)]
pub struct Models {
    kept: Mutex<Option<Kept>>,
}

#[derive(Clone)]
struct Kept {
    provider: Arc<dyn Provider>,
    asked: Instant,
    /// Empty while the provider is being asked; whoever comes then waits for the same answer.
    list: Arc<OnceCell<Answer>>,
}

struct Answer {
    list: Arc<ModelList>,
    /// Whether the server gave it.
    is_whole: bool,
}

impl Models {
    /// The models of a provider. If it does not tell, that is the configured one alone.
    pub async fn of(&self, provider: &Arc<dyn Provider>) -> Arc<ModelList> {
        let kept = self.kept(provider);
        let answer = kept.list.get_or_init(|| ask(&*kept.provider)).await;
        Arc::clone(&answer.list)
    }

    /// What is kept of this provider, or the place for it.
    fn kept(&self, provider: &Arc<dyn Provider>) -> Kept {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some(kept) if Arc::ptr_eq(&kept.provider, provider) && kept.is_fresh() => kept.clone(),
            _ => {
                let provider = Arc::clone(provider);
                let list = Arc::default();
                kept.insert(Kept { provider, asked: Instant::now(), list }).clone()
            }
        }
    }
}

impl Kept {
    fn is_fresh(&self) -> bool {
        let whole = self.list.get().is_none_or(|answer| answer.is_whole);
        self.asked.elapsed() < if whole { KEPT_FOR } else { RETRY_AFTER }
    }
}

async fn ask(provider: &dyn Provider) -> Answer {
    let names = match timeout(PATIENCE, provider.models()).await {
        Ok(Ok(names)) => Some(names),
        Ok(Err(error)) => {
            tracing::warn!(provider = provider.name(), %error, "the models cannot be listed");
            None
        }
        Err(_) => {
            tracing::warn!(provider = provider.name(), "the models were not listed in time");
            None
        }
    };
    let on_premises = timeout(PATIENCE, provider.on_premises()).await.unwrap_or(false);
    let tier = if on_premises { Tier::OnPremises } else { Tier::Cloud };
    let is_whole = names.is_some();
    let list = Arc::new(list(names.unwrap_or_default(), provider.model(), tier));
    Answer { list, is_whole }
}

/// The list as the server gave it. A model that is configured is there whatever the server says.
fn list(mut names: Vec<String>, configured: &str, tier: Tier) -> ModelList {
    if !configured.is_empty() && !names.iter().any(|name| name == configured) {
        names.insert(0, configured.to_owned());
    }
    let default = Some(configured).filter(|name| !name.is_empty()).map(str::to_owned);
    let default = default.or_else(|| names.first().cloned());
    let models = names.into_iter().map(|name| Model { name, tier, abilities: ["chat"] }).collect();
    ModelList { models, default }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt;
    use futures_util::future::BoxFuture;
    use serde_json::json;
    use sotto_llm::echo::Echo;
    use sotto_llm::{ChatRequest, Error, ReplyStream};

    use super::*;

    /// Lists two models, slowly or not at all.
    struct Listing {
        model: &'static str,
        fails: bool,
        takes: Duration,
        asked: AtomicUsize,
    }

    impl Listing {
        fn new(model: &'static str, fails: bool, takes: Duration) -> Arc<Self> {
            Arc::new(Self { model, fails, takes, asked: AtomicUsize::new(0) })
        }
    }

    impl Provider for Listing {
        fn name(&self) -> &'static str {
            "listing"
        }

        fn model(&self) -> &str {
            self.model
        }

        fn models(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            async {
                tokio::time::sleep(self.takes).await;
                if self.fails { Err(Error::Interrupted) } else { Ok(vec!["a".into(), "b".into()]) }
            }
            .boxed()
        }

        fn on_premises(&self) -> BoxFuture<'_, bool> {
            std::future::ready(self.model == "b").boxed()
        }

        fn chat(&self, request: ChatRequest) -> ReplyStream {
            Echo.chat(request)
        }
    }

    async fn written(models: &Models, provider: &Arc<Listing>) -> serde_json::Value {
        let provider: Arc<dyn Provider> = Arc::clone(provider) as _;
        serde_json::to_value(&*models.of(&provider).await).unwrap()
    }

    fn model(name: &str, tier: &str) -> serde_json::Value {
        json!({ "name": name, "tier": tier, "abilities": ["chat"] })
    }

    #[tokio::test(start_paused = true)]
    async fn names_tiers_and_abilities_are_all_that_is_written() {
        let near = Listing::new("b", false, Duration::ZERO);
        let list = json!({
            "models": [model("a", "on_premises"), model("b", "on_premises")],
            "default": "b",
        });
        assert_eq!(written(&Models::default(), &near).await, list);
        let far = Listing::new("mine", false, Duration::ZERO);
        let list = json!({
            "models": [model("mine", "cloud"), model("a", "cloud"), model("b", "cloud")],
            "default": "mine",
        });
        assert_eq!(written(&Models::default(), &far).await, list);
        let unnamed = Listing::new("", false, Duration::ZERO);
        assert_eq!(written(&Models::default(), &unnamed).await["default"], "a");
        let echo: Arc<dyn Provider> = Arc::new(Echo);
        let list = Models::default().of(&echo).await;
        assert_eq!(list.get("echo").unwrap().tier, Tier::OnPremises);
        assert_eq!(list.get("other"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_is_asked_once_a_minute_by_however_many() {
        let (models, provider) = (Models::default(), Listing::new("b", false, PATIENCE / 2));
        let (first, second) =
            tokio::join!(written(&models, &provider), written(&models, &provider));
        assert_eq!(first, second);
        tokio::time::advance(KEPT_FOR.saturating_sub(PATIENCE)).await;
        written(&models, &provider).await;
        assert_eq!(provider.asked.load(Ordering::Relaxed), 1);
        tokio::time::advance(PATIENCE).await;
        written(&models, &provider).await;
        assert_eq!(provider.asked.load(Ordering::Relaxed), 2);
        let other = Listing::new("b", false, Duration::ZERO);
        written(&models, &other).await;
        assert_eq!(other.asked.load(Ordering::Relaxed), 1, "another provider has other models");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_fails_leaves_the_configured_model_and_is_asked_again_soon() {
        for (fails, takes) in [(true, Duration::ZERO), (false, 2 * PATIENCE)] {
            let (models, provider) = (Models::default(), Listing::new("b", fails, takes));
            let list = json!({ "models": [model("b", "on_premises")], "default": "b" });
            for _ in 0..3 {
                assert_eq!(written(&models, &provider).await, list);
            }
            assert_eq!(provider.asked.load(Ordering::Relaxed), 1);
            tokio::time::advance(RETRY_AFTER).await;
            written(&models, &provider).await;
            assert_eq!(provider.asked.load(Ordering::Relaxed), 2);
        }
        let unnamed = Listing::new("", true, Duration::ZERO);
        let nothing = json!({ "models": [], "default": null });
        assert_eq!(written(&Models::default(), &unnamed).await, nothing);
    }
}
