//! Start-up stages, ready to be drawn from.

use crate::plan::{PlanError, ServicePlan, StagePlan};
use crate::replica::{Stages, stage_index};
use hookean_kernel::{Sampler, SimDuration, SimTime, StreamKey};
use std::sync::Arc;

/// The stage in which a replica's application runs and initialises.
const INIT: &str = "init";

/// One stage.
#[derive(Debug, Clone)]
struct Stage {
    name: String,
    index: usize,
    sampler: Sampler,
}

/// Stages that follow one another.
#[derive(Debug, Clone)]
pub struct Startup(Vec<Stage>);

/// When a start-up reaches its marks.
#[derive(Debug, Clone, Copy)]
pub struct Marks {
    /// Begin of the application's own initialisation.
    pub running: SimTime,
    /// End of the last stage.
    pub ready: SimTime,
}

impl Startup {
    /// Those of services, in their order, whose plans give up their stages: there may be very many, and neighbours are mostly
    /// alike.
    ///
    /// # Errors
    /// Those of [`Self::new`].
    pub fn of_services(services: &mut [ServicePlan]) -> Result<Vec<Arc<Self>>, PlanError> {
        let mut last: Option<(Vec<StagePlan>, Arc<Self>)> = None;
        let mut startup = |service: &mut ServicePlan| {
            let stages = std::mem::take(&mut service.startup);
            if let Some((known, startup)) = &last
                && *known == stages
            {
                return Ok(Arc::clone(startup));
            }
            let startup = Arc::new(Self::new(&stages)?);
            last = Some((stages, Arc::clone(&startup)));
            Ok(startup)
        };
        services.iter_mut().map(&mut startup).collect()
    }

    /// Compiles the stages of a plan.
    ///
    /// # Errors
    /// [`PlanError`] for a stage that does not exist or a distribution without meaning.
    pub fn new(plans: &[StagePlan]) -> Result<Self, PlanError> {
        let stage = |plan: &StagePlan| {
            let invalid =
                |problem: String| PlanError::invalid(format!("startup.{}", plan.stage), problem);
            Ok(Stage {
                name: plan.stage.clone(),
                index: stage_index(&plan.stage).ok_or_else(|| invalid("is no stage".into()))?,
                sampler: plan
                    .duration
                    .sampler()
                    .map_err(|e| invalid(e.to_string()))?,
            })
        };
        plans.iter().map(stage).collect::<Result<_, _>>().map(Self)
    }

    /// Draws every stage for the replica `ordinal` of `service`, each from a stream of its own, beginning at `from`; the
    /// lengths go to `stages`.
    pub fn draw(&self, key: (u64, &str, u64), from: SimTime, stages: &mut Stages) -> Marks {
        let (seed, service, ordinal) = key;
        let mut marks = Marks {
            running: from,
            ready: from,
        };
        for stage in &self.0 {
            let mut rng = StreamKey::new(seed, service, &stage.name, ordinal).generator();
            let length = SimDuration::from_nanos(stage.sampler.sample(&mut rng));
            stages.set(stage.index, length);
            marks.ready += length;
            if stage.name != INIT {
                marks.running = marks.ready;
            }
        }
        marks
    }
}
