//! What happens to a cluster in the course of its life.

use model::event::End;

use crate::stage::{Stage, file};

#[test]
fn a_wiped_first_server_founds_nothing_and_comes_back_by_apply() {
    let stage = Stage::new(&file(3, 1, ""));
    stage.apply_to_the_end();
    stage.fault("reinstall s1");
    stage.pass(60);
    stage.apply_to_the_end();
    assert_eq!(stage.world.borrow().clusters_alive(), 1);
}

#[test]
fn a_first_server_that_lost_its_data_founds_nothing_by_itself() {
    let stage = Stage::new(&file(3, 1, ""));
    stage.apply_to_the_end();
    stage.fault("wipe s1");
    stage.pass(120);
    assert_eq!(stage.world.borrow().clusters_alive(), 1);
    stage.apply_to_the_end();
    assert_eq!(stage.world.borrow().clusters_alive(), 1);
}

#[test]
fn all_servers_stopped_come_back_together() {
    let stage = Stage::new(&file(3, 1, ""));
    stage.apply_to_the_end();
    for host in ["s1", "s2", "s3"] {
        stage.fault(&format!("reboot {host}"));
    }
    stage.pass(60);
    stage.apply_to_the_end();
}

#[test]
fn a_reinstalled_agent_joins_again() {
    let stage = Stage::new(&file(1, 2, ""));
    stage.apply_to_the_end();
    stage.fault("reinstall a1");
    stage.pass(60);
    stage.apply_to_the_end();
}

#[test]
fn a_host_that_is_down_stops_only_what_needs_it() {
    let stage = Stage::new(&file(3, 2, ""));
    stage.apply_to_the_end();
    stage.fault("kill a1");
    let done = stage.apply().done().unwrap();
    assert!(matches!(done.end, End::Open { weight: model::report::Weight::Dark }), "{:?}", done.end);
    stage.is_unharmed();
}

#[test]
fn a_new_version_goes_server_by_server_then_to_the_agents() {
    let mut stage = Stage::new(&file(3, 2, "kubernetes: {version: v1.36.3+k3s1}"));
    stage.apply_to_the_end();
    stage.told.0.borrow_mut().clear();
    stage.edit(&file(3, 2, "kubernetes: {version: v1.36.4+k3s1}"));
    stage.apply_to_the_end();
    let told = stage.told.0.borrow();
    let restarts: Vec<String> = told
        .iter()
        .filter_map(|event| match &event.what {
            model::event::What::Began { step, .. } if step.as_str().contains(": restart k3s") => {
                Some(step.to_string())
            }
            _ => None,
        })
        .collect();
    insta::assert_snapshot!(restarts.join("\n"), @r"
    s1: restart k3s
    s2: restart k3s
    s3: restart k3s
    a1: restart k3s-agent
    a2: restart k3s-agent
    ");
}

#[test]
fn an_older_version_is_refused_and_nothing_is_touched() {
    let mut stage = Stage::new(&file(1, 0, ""));
    stage.apply_to_the_end();
    stage.edit(&file(1, 0, "kubernetes: {version: v1.36.3+k3s1}"));
    let (plan, report, _) = stage.plan();
    assert!(report.has("version-refused") && plan::forbids(&report), "{report:?}");
    assert!(plan.is_empty());
}

#[test]
fn a_changed_pod_range_is_refused_on_a_founded_cluster() {
    let mut stage = Stage::new(&file(3, 0, ""));
    stage.apply_to_the_end();
    stage.edit(&file(3, 0, "network: {podCidr: 10.52.0.0/16}"));
    let (_, report, _) = stage.plan();
    assert!(report.has("fixed-key-changed") && plan::forbids(&report), "{report:?}");
}

#[test]
fn a_label_that_goes_from_the_file_goes_from_the_node() {
    let labelled = |labels: &str| {
        file(1, 0, "")
            + &format!("    - {{name: a1, role: agent, ssh: root@10.0.0.9, labels: {{{labels}}}}}\n")
    };
    let mut stage = Stage::new(&labelled("zone: home, disk: ssd"));
    stage.apply_to_the_end();
    stage.edit(&labelled("zone: home"));
    stage.apply_to_the_end();
    let facts = stage.look();
    let labels = &facts.kube.nodes["a1"].labels;
    assert_eq!((labels.get("zone").map(String::as_str), labels.get("disk")), (Some("home"), None));
}

#[test]
fn removed_files_settings_and_services_go_and_nothing_else_does() {
    let more = "os:\n  files: [{path: /etc/issue.net, content: hello}]\n  sysctls: {vm.swappiness: 10}";
    let mut stage = Stage::new(&file(1, 0, more));
    stage.world.borrow_mut().write(&crate::stage::name("s1"), "/etc/issue.net", "theirs");
    stage.apply_to_the_end();
    stage.edit(&file(1, 0, ""));
    let (plan, ..) = stage.plan();
    let titles: Vec<_> = plan.steps.iter().map(|step| step.change.title.as_str()).collect();
    insta::assert_snapshot!(titles.join("\n"), @r"
    file /etc/issue.net: what was there before comes back
    kernel setting vm.swappiness is no longer set (the running value stays until reboot)
    ");
    stage.apply_to_the_end();
    let text = stage.world.borrow().file(&crate::stage::name("s1"), "/etc/issue.net");
    assert_eq!(text.as_deref(), Some("theirs"));
}

#[test]
fn a_learner_that_was_given_up_begins_anew() {
    let rehearsed = Stage::new(&file(3, 0, ""));
    rehearsed.apply_to_the_end();
    let started = rehearsed.told.0.borrow().iter().find_map(|event| match &event.what {
        model::event::What::Ended { step, .. } if step.as_str() == "s3: start k3s" => {
            Some(event.at.as_secs())
        }
        _ => None,
    });
    let stage = Stage::new(&file(3, 0, ""));
    // k3s has added its member by then, and the leader has not found it up to date yet.
    stage.fault(&format!("isolate s3 at {}s", started.unwrap() + 6));
    let _ = stage.apply().done().unwrap();
    stage.pass(300);
    stage.fault("heal s3");
    stage.pass(60);
    assert!(stage.look().host(&crate::stage::name("s3")).unwrap().stable.k3s.data.removed);
    stage.apply_to_the_end();
}

#[test]
fn certificates_without_a_member_are_no_part_in_the_cluster() {
    let mut stage = Stage::new(&file(4, 0, ""));
    stage.edit(&file(3, 0, ""));
    stage.apply_to_the_end();
    stage.edit(&file(4, 0, ""));
    // With a voter away etcd takes no new member, but k3s has fetched the authorities by then.
    stage.fault("hang s2 at step s4: start k3s");
    let _ = stage.apply().done().unwrap();
    let data = stage.look().host(&crate::stage::name("s4")).unwrap().stable.k3s.data.clone();
    assert!(data.server_ca.is_some() && !data.etcd, "{data:?}");
    stage.fault("heal s2");
    stage.pass(60);
    stage.apply_to_the_end();
    assert_eq!(stage.world.borrow().clusters_alive(), 1);
}

#[test]
fn a_lost_member_keeps_no_new_server_waiting() {
    let mut stage = Stage::new(&file(4, 0, ""));
    let all = file(4, 0, "");
    let without: Vec<_> = all.lines().filter(|line| !line.contains("name: s1,")).collect();
    stage.edit(&(without.join("\n") + "\n"));
    stage.apply_to_the_end();
    stage.fault("reinstall s4");
    stage.pass(60);
    stage.edit(&all);
    stage.apply_to_the_end();
}
