import { all, datagrams, dns, echo, file, http, https, smtp, tcp } from './backends.ts';
import { HEAD, notes, PACE, script, tcps, type DirectorCase } from './cases.ts';

const OK = { '/': [200, 'OK\n'], '/busy': [202, 'busy\n'], '/same': [200, 'same\n'] } as const;
/** MD5 of 'same\n'. */
const SAME = '847676261680bff61c72961c8198abc0';

/** Each kind of checker, and what its verdicts bring. */
export const CHECKER_CASES: readonly DirectorCase[] = [
  {
    name: 'nat-http-status',
    config: `${HEAD}virtual_server 192.0.2.1 8082 {
  ${PACE}
  lb_algo rr
  lb_kind NAT
  persistence_timeout 50
#0  persistence_granularity 255.255.254.0
#12  persistence_granularity 255.255.255.0
  protocol TCP
  real_server 10.0.2.1 8080 {
    weight 1
    HTTP_GET {
      url {
        path /
        status_code 200
      }
      url {
        path /busy
        status_code 202
      }
      connect_port 8080
    }
  }
  real_server 10.0.2.2 8081 {
    weight 1
    HTTP_GET {
      url {
        path /
      }
    }
  }
}
#01 virtual_server 192.0.2.1 8083 {
#01   lb_algo wlc
#01   lb_kind NAT
#01   protocol TCP
#01   real_server 10.0.2.3 8080 {
#01     weight 3
#01   }
#01 }
`,
    backends: () => [http('10.0.2.1', 8080, OK), http('10.0.2.2', 8081, OK)],
  },
  {
    name: 'ssl-digest-virtualhost',
    config: `${HEAD}virtual_server 192.0.2.1 443 {
  ${PACE}
  lb_algo rr
  lb_kind NAT
  persistence_timeout 50
  protocol TCP
  virtualhost www.example.com
  real_server 10.0.4.1 443 {
    weight 1
    SSL_GET {
      url {
        path /
        digest ${SAME}
      }
#12      url {
#12        path /other
#12        digest ${SAME}
#12      }
    }
  }
  real_server 10.0.4.2 443 {
    weight 1
    SSL_GET {
      enable_sni
      url {
        path /
        status_code 200-299
      }
    }
  }
}
#01 virtual_server 192.0.2.2 443 {
#01   lb_algo rr
#01   lb_kind TUN
#01   protocol TCP
#01   real_server 10.0.4.3 443 {
#01   }
#01 }
`,
    backends: ({ pem }) => [https('10.0.4.1', 443, 'same\n', pem), https('10.0.4.2', 443, 'other\n', pem)],
  },
  {
    name: 'smtp-wrr',
    config: `${HEAD}virtual_server 192.0.2.1 25 {
  ${PACE}
  lb_algo wrr
  lb_kind NAT
  protocol TCP
  real_server 10.0.5.1 25 {
    weight 100
    ${notes('first')}
    SMTP_CHECK {
      helo_name checker.example.com
    }
  }
  real_server 10.0.5.2 25 {
#0    weight 65535
#12    weight 100000
    SMTP_CHECK {
    }
  }
}
#0 virtual_server 192.0.2.2 25 {
#1 virtual_server 192.0.2.2 26 {
#01   lb_algo rr
#01   lb_kind NAT
#01   protocol TCP
#01   real_server 10.0.5.3 25 {
#01   }
#01 }
`,
    backends: () => [smtp('10.0.5.1', 25), smtp('10.0.5.2', 25)],
  },
  {
    name: 'dns-udp-ops',
    config: `${HEAD}virtual_server 192.0.2.1 53 {
  ${PACE}
  lb_algo rr
  lb_kind DR
#01  ops
  protocol UDP
  quorum 1
  hysteresis 0
  quorum_up "@DIR@/note.sh quorum up"
  quorum_down "@DIR@/note.sh quorum down"
  real_server 10.0.6.1 53 {
    weight 2
    DNS_CHECK {
      type A
      name www.example.com
      retry 1
      delay_before_retry 1
    }
  }
  real_server 10.0.6.2 53 {
    weight 2
    DNS_CHECK {
      retry 1
      delay_before_retry 1
    }
  }
}
#01 virtual_server 192.0.2.2 53 {
#01   lb_algo rr
#01   lb_kind DR
#01   ops
#01   protocol UDP
#01   real_server 10.0.6.3 53 {
#01   }
#01 }
`,
    backends: () => [dns('10.0.6.1', 53), dns('10.0.6.2', 53)],
  },
  {
    name: 'udp-check-sorry-server',
    config: `${HEAD}virtual_server 192.0.2.1 5353 {
  ${PACE}
  lvs_sched rr
  lvs_method NAT
  protocol UDP
  quorum 2
  quorum_up "@DIR@/note.sh quorum up"
  quorum_down "@DIR@/note.sh quorum down"
  sorry_server 10.0.7.9 80
  real_server 10.0.7.1 5353 {
    weight 1
    inhibit_on_failure
    UDP_CHECK {
      payload 75 9f 01 20
      require_reply 75 9f 85 XX
      min_reply_length 4
      max_reply_length 300
    }
  }
  real_server 10.0.7.2 5353 {
    weight 1
    UDP_CHECK {
      payload 6162
      require_reply
    }
  }
#12  real_server 10.0.7.3 5353 {
#12    weight 1
#12  }
}
#01 virtual_server 192.0.2.2 5353 {
#01   lvs_sched rr
#01   lvs_method NAT
#01   protocol UDP
#01   real_server 10.0.7.3 5353 {
#01   }
#01 }
`,
    backends: () => [datagrams('10.0.7.1', 5353, () => Buffer.from('759f8580', 'hex')), datagrams('10.0.7.2', 5353, (datagram) => datagram)],
  },
  {
    name: 'misc-alpha-inhibit',
    config: `${HEAD}virtual_server 192.0.2.1 22 {
  ${PACE}
  lb_algo rr
  lb_kind DR
  protocol TCP
  alpha
  real_server 10.0.8.1 22 {
    weight 1
    inhibit_on_failure
    ${notes('first')}
    MISC_CHECK {
      misc_path "@SHARED@/check.sh one"
      misc_timeout 10
    }
  }
  real_server 10.0.8.2 22 {
    weight 1
    ${notes('second')}
    MISC_CHECK {
      misc_path "@SHARED@/check.sh two"
#0      misc_timeout 10
#12      misc_timeout 11
    }
  }
}
#01 virtual_server 192.0.2.2 22 {
#01   lb_algo rr
#01   lb_kind DR
#01   protocol TCP
#01   alpha
#01   real_server 10.0.8.3 22 {
#01   }
#01 }
`,
    backends: ({ shared }) => [file(`${shared}/one`, '0\n', '1\n'), file(`${shared}/two`, '0\n', null), script(shared)],
  },
  {
    name: 'misc-dynamic-weights',
    config: `${HEAD}virtual_server 192.0.2.1 80 {
  ${PACE}
  lb_algo wlc
  lb_kind DR
  protocol TCP
  real_server 10.0.9.1 80 {
    weight 10
    ${notes('first')}
    MISC_CHECK {
      misc_path "@SHARED@/check.sh one"
      misc_timeout 10
      misc_dynamic
    }
  }
  real_server 10.0.9.2 80 {
#0    weight 20
#12    weight 30
    ${notes('second')}
    MISC_CHECK {
      misc_path "@SHARED@/check.sh two"
      misc_timeout 10
      misc_dynamic
    }
  }
}
#01 virtual_server 192.0.2.2 80 {
#01   lb_algo rr
#01   lb_kind DR
#01   protocol TCP
#01   real_server 10.0.9.3 80 {
#01   }
#01 }
`,
    backends: ({ shared }) => [file(`${shared}/one`, '0\n', '152\n'), file(`${shared}/two`, '7\n', '1\n'), script(shared)],
  },
  {
    name: 'ping-hysteresis',
    config: `${HEAD}virtual_server 192.0.2.1 80 {
  ${PACE}
  lb_algo rr
  lb_kind NAT
  protocol TCP
  quorum 3
  hysteresis 1
  quorum_up "@DIR@/note.sh quorum up"
  quorum_down "@DIR@/note.sh quorum down"
  real_server 10.0.10.1 80 {
    weight 1
    PING_CHECK {
      connect_timeout 1
    }
  }
  real_server 10.0.10.2 80 {
    weight 2
    PING_CHECK {
      connect_timeout 1
    }
  }
  real_server 10.0.10.3 80 {
#0    weight 1
#12    weight 3
  }
}
#01 virtual_server 192.0.2.2 80 {
#01   lb_algo rr
#01   lb_kind NAT
#01   protocol TCP
#01   real_server 10.0.10.3 80 {
#01   }
#01 }
`,
    backends: () => [echo('10.0.10.1'), echo('10.0.10.2')],
  },
  {
    name: 'file-check-weights',
    config: `${HEAD}track_file off {
  file @SHARED@/off
  weight 0
}
track_file less {
  file @SHARED@/less
}
virtual_server 192.0.2.1 80 {
  ${PACE}
  lb_algo wrr
  lb_kind NAT
  protocol TCP
  real_server 10.0.11.1 80 {
    weight 100
    ${notes('first')}
    FILE_CHECK {
      track_file off
    }
  }
  real_server 10.0.11.2 80 {
    weight 100
    FILE_CHECK {
      track_file less
#0      weight 20
#12      weight 30 reverse
    }
  }
}
#01 virtual_server 192.0.2.2 80 {
#01   lb_algo rr
#01   lb_kind NAT
#01   protocol TCP
#01   real_server 10.0.11.3 80 {
#01   }
#01 }
`,
    backends: ({ shared }) => [file(`${shared}/off`, '0\n', '1\n'), file(`${shared}/less`, '0\n', '-3\n')],
  },
  {
    name: 'omega-quorum-notices',
    config: `${HEAD}virtual_server 192.0.2.1 80 {
  ${PACE}
  lb_algo rr
  lb_kind DR
  protocol TCP
  alpha
  omega
  quorum 2
  quorum_up "@DIR@/note.sh quorum up"
  quorum_down "@DIR@/note.sh quorum down"
  real_server 10.0.21.1 80 {
    weight 1
    ${notes('first')}
    TCP_CHECK {
    }
  }
  real_server 10.0.21.2 80 {
    weight 1
    ${notes('second')}
    TCP_CHECK {
    }
  }
#12  real_server 10.0.21.3 80 {
#12    weight 1
#12    ${notes('third').replaceAll('\n', '\n#12')}
#12    TCP_CHECK {
#12    }
#12  }
}
#01 virtual_server 192.0.2.2 80 {
#01   lb_algo rr
#01   lb_kind DR
#01   protocol TCP
#01   quorum_up "@DIR@/note.sh other up"
#01   quorum_down "@DIR@/note.sh other down"
#01   real_server 10.0.21.4 80 {
#01     ${notes('fourth').replaceAll('\n', '\n#01')}
#01   }
#01 }
`,
    backends: () => tcps(21, 80, 3),
  },
  {
    name: 'several-checkers-of-one-server',
    config: `${HEAD}virtual_server 192.0.2.1 80 {
  ${PACE}
  lb_algo rr
  lb_kind NAT
  protocol TCP
  real_server 10.0.22.1 80 {
    weight 5
    ${notes('first')}
    TCP_CHECK {
    }
    HTTP_GET {
      url {
        path /
      }
      connect_port 8080
    }
  }
  real_server 10.0.22.2 80 {
    weight 5
    ${notes('second')}
    TCP_CHECK {
    }
    MISC_CHECK {
      misc_path "@SHARED@/check.sh two"
      misc_timeout 10
      misc_dynamic
    }
#0    PING_CHECK {
#0    }
  }
}
#01 virtual_server 192.0.2.2 80 {
#01   lb_algo rr
#01   lb_kind NAT
#01   protocol TCP
#01   real_server 10.0.22.3 80 {
#01   }
#01 }
`,
    backends: ({ shared }) => [all(tcp('10.0.22.1', 80), http('10.0.22.1', 8080, OK)), all(tcp('10.0.22.2', 80), file(`${shared}/two`, '0\n', '12\n')), script(shared)],
  },
  {
    name: 'ha-suspend',
    config: `${HEAD}virtual_server 192.0.2.1 80 {
  ${PACE}
  lb_algo rr
  lb_kind NAT
  protocol TCP
  ha_suspend
  real_server 10.0.24.1 80 {
    TCP_CHECK {
    }
  }
}
virtual_server 10.200.250.250 80 {
  ${PACE}
  lb_algo rr
  lb_kind NAT
  protocol TCP
  real_server 10.0.24.1 80 {
    TCP_CHECK {
    }
  }
  real_server 10.0.24.2 80 {
#0    weight 1
#12    weight 2
    TCP_CHECK {
    }
  }
}
#01 virtual_server 192.0.2.2 80 {
#01   lb_algo rr
#01   lb_kind NAT
#01   protocol TCP
#01   real_server 10.0.24.3 80 {
#01   }
#01 }
`,
    backends: () => tcps(24, 80),
  },
];
