//! Requests and usage of pods with several containers (start of section 5.2).
//!
//! A decision works on sums per pod; these functions make the sums.

/// A container and its request of one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Container<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its request, in milli-units.
    pub request_milli: Option<i64>,
}

/// What a pod requests of one resource, container by container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodRequests<'a> {
    /// The regular containers.
    pub containers: &'a [Container<'a>],
    /// The init containers that keep running (restart policy `Always`). Other init containers do not count.
    pub sidecars: &'a [Container<'a>],
    /// The request of the pod as a whole; `None` where it is absent or the gate `PodLevelResources` is off.
    pub pod_level_milli: Option<i64>,
}

/// A container has no request for the resource, so the whole metric fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("missing request for the resource in container `{container}`")]
pub struct MissingContainerRequest {
    /// The container.
    pub container: String,
}

/// The request of a pod in milli-units; of one container, if `container` names it.
///
/// The specification does not say what a pod without the named container requests; it is taken to request 0.
///
/// # Errors
///
/// The first container that counts and has no request.
pub fn pod_request(
    pod: &PodRequests<'_>,
    container: Option<&str>,
) -> Result<i64, MissingContainerRequest> {
    if let (None, Some(milli)) = (container, pod.pod_level_milli) {
        return Ok(milli);
    }
    let counts = |c: &&Container<'_>| container.is_none_or(|name| name == c.name);
    pod.containers
        .iter()
        .chain(pod.sidecars)
        .filter(counts)
        .try_fold(0_i64, |sum, c| {
            let request = c.request_milli.ok_or_else(|| MissingContainerRequest {
                container: c.name.to_owned(),
            })?;
            Ok(sum.saturating_add(request))
        })
}

/// The usage of a pod in milli-units: the sum over its containers. There is none if a container lacks the resource, or if
/// there are no containers.
pub fn pod_usage(containers: impl IntoIterator<Item = Option<i64>>) -> Option<i64> {
    let mut containers = containers.into_iter().peekable();
    containers.peek()?;
    containers.try_fold(0_i64, |sum, usage| Some(sum.saturating_add(usage?)))
}

/// The usage of the named container in milli-units, if the pod has a reading of it.
pub fn container_usage<'a>(
    containers: impl IntoIterator<Item = (&'a str, Option<i64>)>,
    name: &str,
) -> Option<i64> {
    containers
        .into_iter()
        .find(|(container, _)| *container == name)?
        .1
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: Container<'_> = Container {
        name: "app",
        request_milli: Some(100),
    };
    const LOG: Container<'_> = Container {
        name: "log",
        request_milli: Some(50),
    };
    const BARE: Container<'_> = Container {
        name: "bare",
        request_milli: None,
    };

    fn pod<'a>(containers: &'a [Container<'a>]) -> PodRequests<'a> {
        PodRequests {
            containers,
            sidecars: &[],
            pod_level_milli: None,
        }
    }

    #[test]
    fn containers_and_sidecars_add_up() {
        let request = PodRequests {
            sidecars: &[LOG],
            ..pod(&[APP])
        };
        assert_eq!(pod_request(&request, None), Ok(150));
        assert_eq!(pod_request(&request, Some("log")), Ok(50));
    }

    #[test]
    fn the_pod_level_wins_unless_a_container_is_named() {
        let request = PodRequests {
            pod_level_milli: Some(800),
            ..pod(&[APP, BARE])
        };
        assert_eq!(pod_request(&request, None), Ok(800));
        assert_eq!(pod_request(&request, Some("app")), Ok(100));
        assert!(pod_request(&request, Some("bare")).is_err());
    }

    #[test]
    fn a_missing_request_counts_only_where_it_is_asked_for() {
        assert!(pod_request(&pod(&[APP, BARE]), None).is_err());
        assert_eq!(pod_request(&pod(&[APP, BARE]), Some("app")), Ok(100));
    }

    #[test]
    fn usage_needs_every_container() {
        assert_eq!(pod_usage([Some(1), Some(2)]), Some(3));
        assert_eq!(pod_usage([Some(1), None]), None);
        assert_eq!(pod_usage([]), None);
        assert_eq!(
            container_usage([("app", Some(1)), ("log", None)], "app"),
            Some(1)
        );
        assert_eq!(container_usage([("app", Some(1))], "log"), None);
    }
}
