//! Ten fault stories, each played twice: on real hosts, and rehearsed from what those hosts were before. Both must end alike.
//!
//! Owns: what "alike" means. Must not: look at anything but what `plan --facts` and `rehearse --save` write.

use std::{collections::BTreeMap, fs, thread, time::Duration};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    api::Api,
    file::ClusterFile,
    lab::{Host, Lab},
    operator::{Operator, ended},
};

/// What happens, in reality and in a rehearsal.
struct Story {
    name: &'static str,
    /// The step that must have ended first; before anything begins where there is none.
    after: Option<Step>,
    befalls: fn(&Stage),
    /// The same as `rehearse --fault` says it; `{server}` and `{agent}` are hosts.
    fault: &'static str,
    /// The exit code of the run it happens to, where the moment does not decide on that.
    code: Option<i32>,
    cure: fn(&Stage),
}

enum Step {
    Server(&'static str),
    Agent(&'static str),
}

struct Stage {
    server: Host,
    agent: Host,
}

const NOTHING: fn(&Stage) = |_| ();

#[test]
fn a_server_reboots_while_its_k3s_starts() {
    play(&Story {
        name: "as-reboot",
        after: Some(Step::Server("start k3s")),
        befalls: |stage| stage.server.befall(&["reboot"]),
        fault: "reboot {server}",
        code: None,
        cure: NOTHING,
    });
}

#[test]
fn an_agent_loses_power_when_its_binary_has_arrived() {
    play(&Story {
        name: "as-power",
        after: Some(Step::Agent("k3s binary")),
        befalls: |stage| stage.agent.befall(&["stop"]),
        fault: "kill {agent}",
        code: Some(69),
        cure: |stage| stage.agent.befall(&["start"]),
    });
}

#[test]
fn the_operator_dies_when_k3s_has_been_started() {
    play(&Story {
        name: "as-dead",
        after: Some(Step::Server("start k3s")),
        befalls: NOTHING,
        fault: "die",
        code: None,
        cure: NOTHING,
    });
}

#[test]
fn the_operator_dies_under_an_armed_guard() {
    play(&Story {
        name: "as-guard",
        after: Some(Step::Agent("arm guard")),
        befalls: NOTHING,
        fault: "die",
        code: None,
        cure: NOTHING,
    });
}

#[test]
fn an_agents_disk_is_full() {
    play(&Story {
        name: "as-full",
        after: None,
        befalls: |stage| stage.agent.befall(&["fill"]),
        fault: "fill {agent}",
        code: Some(73),
        cure: |stage| stage.agent.befall(&["unfill"]),
    });
}

#[test]
fn the_link_to_an_agent_is_cut() {
    play(&Story {
        name: "as-cut",
        after: Some(Step::Agent("disarm guard")),
        befalls: |stage| stage.agent.befall(&["cut"]),
        fault: "cut {agent}",
        code: Some(69),
        cure: |stage| stage.agent.befall(&["heal"]),
    });
}

#[test]
fn the_hosts_do_not_reach_each_other_for_a_while() {
    play(&Story {
        name: "as-apart",
        after: Some(Step::Server("k3s binary")),
        befalls: |stage| {
            stage.agent.befall(&["cut", &stage.server.name]);
            thread::sleep(Duration::from_secs(20));
            stage.agent.befall(&["heal"]);
        },
        fault: "isolate {agent} for 20s",
        code: Some(0),
        cure: NOTHING,
    });
}

#[test]
fn an_agents_sshd_hangs_for_a_while() {
    play(&Story {
        name: "as-hang",
        after: Some(Step::Agent("disarm guard")),
        befalls: |stage| {
            stage.agent.sh("systemctl kill -s STOP ssh");
            thread::sleep(Duration::from_secs(8));
            stage.agent.sh("systemctl kill -s CONT ssh");
        },
        fault: "hang {agent} for 8s",
        code: Some(0),
        cure: NOTHING,
    });
}

#[test]
fn the_connections_to_a_server_break() {
    play(&Story {
        name: "as-drop",
        after: Some(Step::Server("k3s binary")),
        befalls: |stage| {
            stage.server.sh("pkill -f '^sshd: .*@' || :");
        },
        fault: "drop {server}",
        code: None,
        cure: NOTHING,
    });
}

#[test]
fn an_agents_user_may_not_become_root() {
    play(&Story {
        name: "as-sudo",
        after: None,
        befalls: |stage| {
            stage.agent.sh("mkdir /root/away && mv /etc/sudoers.d/* /root/away");
        },
        fault: "nosudo {agent}",
        code: Some(77),
        cure: |stage| {
            stage.agent.sh("mv /root/away/* /etc/sudoers.d && rmdir /root/away");
        },
    });
}

fn play(story: &Story) {
    let Some(lab) = Lab::find() else { return };
    let lent = lab.lend(&["curl", "curl"]);
    let stage = Stage { server: lent.hosts[0].clone(), agent: lent.hosts[1].clone() };
    let operator = Operator::new(lab, story.name);
    let file = ClusterFile::new(lab, story.name).kubernetes("datastore: etcd");
    operator.wants(&file.server("root", &stage.server).agent("ops", &stage.agent));
    operator.ends(2, &["plan", "--facts", "before.json"]);

    let code = for_real(story, &stage, &operator);
    (story.cure)(&stage);
    operator.ends(0, &["apply", "--yes"]);
    Api::of(&operator).all_ready(&[&stage.server.name, &stage.agent.name]);
    operator.ends(0, &["plan", "--facts", "after.json"]);
    operator.ends(0, &["rehearse", "--from", "after.json", "--save", "real.json"]).tells(&["nothing to do"]);

    let fault = fault(story, &stage);
    let rehearsed =
        operator.run(&["rehearse", "--from", "before.json", "--fault", &fault, "--save", "struck.json"]).code;
    let [server, agent] = [&stage.server, &stage.agent].map(|host| format!("heal {}", host.name));
    let healed = ["--fault", &server, "--fault", &agent, "--save", "healed.json"];
    // A host that only now gets its power back is dark for the first look.
    operator.run(&[&["rehearse", "--from", "struck.json"], &healed[..]].concat());
    operator.ends(0, &["rehearse", "--from", "healed.json", "--save", "healed.json"]);

    if story.code.is_some() {
        assert_eq!((code, rehearsed), (story.code, story.code), "in reality, and rehearsed");
    }
    assert_eq!(
        standing(&operator, "real.json"),
        standing(&operator, "healed.json"),
        "in reality, and rehearsed"
    );
    operator.leaves_no_secret(&lent);
}

/// Plays it on the real hosts; how the run ended, which is by SIGKILL where the operator dies.
fn for_real(story: &Story, stage: &Stage, operator: &Operator) -> Option<i32> {
    let Some(step) = &story.after else {
        (story.befalls)(stage);
        return operator.run(&["apply", "--yes"]).code;
    };
    let (host, step) = of(step, stage);
    let mut apply = operator.start(&["apply", "--yes", "-o", "json"], "");
    apply.hears(|event| event["what"]["host"] == *host.name && ended(event, step)).expect("it gets there");
    if story.fault == "die" {
        apply.signal(Signal::KILL);
    }
    (story.befalls)(stage);
    apply.wait().code
}

fn of<'a>(step: &Step, stage: &'a Stage) -> (&'a Host, &'static str) {
    match step {
        Step::Server(name) => (&stage.server, name),
        Step::Agent(name) => (&stage.agent, name),
    }
}

fn fault(story: &Story, stage: &Stage) -> String {
    let words = story.fault.replace("{server}", &stage.server.name).replace("{agent}", &stage.agent.name);
    match &story.after {
        None => words,
        Some(step) => {
            let (host, step) = of(step, stage);
            format!("{words} at step {}: {step}", host.name)
        }
    }
}

/// What of a world is the same wherever its cluster came about: on each host the claim's cluster, what is owned and what was there
/// before, modes and owners of the files, the services, what a restart hangs on; in the cluster its members and its nodes.
fn standing(operator: &Operator, world: &str) -> Value {
    let world: Value = serde_json::from_slice(&fs::read(operator.path(world)).unwrap()).unwrap();
    let world = &world["world"];
    let machines = members(&world["machines"]).map(|(name, machine)| (name.clone(), machine_stands(machine)));
    let clusters = members(&world["clusters"]).map(|(_, cluster)| cluster_stands(cluster));
    json!({"machines": machines.collect::<BTreeMap<_, _>>(), "clusters": clusters.collect::<Vec<_>>()})
}

fn machine_stands(machine: &Value) -> Value {
    let marks = &machine["marks"];
    let files: BTreeMap<_, _> = members(&marks["owned"])
        .filter_map(|(key, _)| key.strip_prefix("file:"))
        .map(|path| (path, machine["disk"][path]["File"]["meta"].clone()))
        .collect();
    let services: BTreeMap<_, _> = members(&marks["owned"])
        .filter_map(|(key, _)| key.strip_prefix("service:"))
        .map(|name| (name, ["enabled", "active"].map(|part| machine["services"][name][part].clone())))
        .collect();
    let stamps: Vec<_> = members(&marks["stamps"]).map(|(name, _)| name).collect();
    json!({"claim": marks["claim"][0], "owned": marks["owned"], "files": files, "services": services, "stamps": stamps,
        "guard": marks["armed"]})
}

fn cluster_stands(cluster: &Value) -> Value {
    let voters: BTreeMap<_, _> = members(&cluster["members"])
        .map(|(_, member)| (member["node"].to_string(), &member["voter"]))
        .collect();
    let nodes: BTreeMap<_, _> = members(&cluster["nodes"])
        .map(|(name, node)| {
            let part = |key: &str| node[key].clone();
            (
                name,
                json!([
                    part("version"),
                    part("address"),
                    part("labels"),
                    part("taints"),
                    part("unschedulable")
                ]),
            )
        })
        .collect();
    json!({"datastore": cluster["datastore"], "voters": voters, "nodes": nodes})
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().unwrap().iter()
}
