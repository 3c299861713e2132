//! Placement of replicas on nodes: filter by fit, score, choose.
//!
//! Follows the default kube-scheduler profile (Kubernetes v1.36.2 `pkg/scheduler`) as far as `NodeResourcesFit` with
//! its `LeastAllocated` score; the other plug-ins are not modelled yet. The choice is that of examining all nodes one after
//! the other: a function of the nodes and the request.

mod choose;
mod fit;
mod least_allocated;

pub use fit::{FitIndex, NoPlace};
pub use least_allocated::least_allocated;

/// What a replica asks of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// CPU.
    pub cpu_millicores: u64,
    /// Memory.
    pub memory_bytes: u64,
}

/// What a node has and what is taken of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeResources {
    /// CPU for replicas.
    pub allocatable_cpu_millicores: u64,
    /// Memory for replicas.
    pub allocatable_memory_bytes: u64,
    /// Most replicas.
    pub max_replicas: u32,
    /// CPU taken.
    pub used_cpu_millicores: u64,
    /// Memory taken.
    pub used_memory_bytes: u64,
    /// Replicas there.
    pub replicas: u32,
}

/// Why a replica does not fit a node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Misfit {
    /// Too many replicas.
    pub replicas: bool,
    /// Not enough CPU.
    pub cpu: bool,
    /// Not enough memory.
    pub memory: bool,
}

impl NodeResources {
    /// The reasons why `request` does not fit; `None` when it does.
    pub fn misfit(&self, request: Request) -> Option<Misfit> {
        let misfit = Misfit {
            replicas: self.replicas + 1 > self.max_replicas,
            cpu: request.cpu_millicores
                > self
                    .allocatable_cpu_millicores
                    .saturating_sub(self.used_cpu_millicores),
            memory: request.memory_bytes
                > self
                    .allocatable_memory_bytes
                    .saturating_sub(self.used_memory_bytes),
        };
        (misfit != Misfit::default()).then_some(misfit)
    }

    /// Takes the request's share.
    pub fn reserve(&mut self, request: Request) {
        self.used_cpu_millicores += request.cpu_millicores;
        self.used_memory_bytes += request.memory_bytes;
        self.replicas += 1;
    }

    /// Gives it back.
    pub fn release(&mut self, request: Request) {
        self.used_cpu_millicores -= request.cpu_millicores;
        self.used_memory_bytes -= request.memory_bytes;
        self.replicas -= 1;
    }
}
