import { datagrams, http, tcp } from './backends.ts';
import { HEAD, notes, PACE, tcps, type DirectorCase } from './cases.ts';

const OK = { '/': [200, 'OK\n'], '/busy': [202, 'busy\n'], '/same': [200, 'same\n'] } as const;
/** MD5 of 'same\n'. */
const SAME = '847676261680bff61c72961c8198abc0';

/** Services, groups, schedulers, forwarding methods: what virtual servers become in the kernel. */
export const SERVICE_CASES: readonly DirectorCase[] = [
  {
    name: 'dr-persistent-inhibit',
    config: `${HEAD}virtual_server 192.0.2.1 3306 {
  ${PACE}
  lb_algo rr
  lb_kind DR
  persistence_timeout 50
  protocol TCP
  real_server 10.0.1.1 3306 {
#0    weight 2
#12    weight 5
    inhibit_on_failure
    ${notes('first')}
    TCP_CHECK {
    }
  }
  real_server 10.0.1.2 3306 {
    weight 2
    ${notes('second')}
    TCP_CHECK {
      connect_port 3306
    }
  }
}
#01 virtual_server 192.0.2.2 80 {
#01   lb_algo rr
#01   lb_kind DR
#01   protocol TCP
#01   real_server 10.0.1.3 80 {
#01   }
#01 }
`,
    backends: () => tcps(1, 3306),
  },
  {
    name: 'group-of-all-kinds',
    config: `${HEAD}virtual_server_group web {
  192.0.2.10 80
  192.0.2.20-23 8080
  fwmark 7
}
virtual_server group web {
  ${PACE}
  lb_algo wlc
  lb_kind NAT
  protocol TCP
  real_server 10.0.3.1 80 {
    weight 10
    ${notes('first')}
    TCP_CHECK {
    }
  }
  real_server 10.0.3.2 80 {
#0    weight 20
#12    weight 30
    TCP_CHECK {
    }
  }
#12  real_server 10.0.3.3 80 {
#12    weight 1
#12  }
}
#01 virtual_server_group six {
#01   2001:db8::10 80
#01   2001:db8::20-22 80
#01 }
#01 virtual_server group six {
#01   lb_algo rr
#01   lb_kind DR
#01   protocol TCP
#01   real_server fd00:0:3::9 80 {
#01   }
#01 }
`,
    backends: () => tcps(3, 80),
  },
  {
    name: 'sorry-server-inhibit',
    config: `${HEAD}virtual_server 192.0.2.1 80 {
  ${PACE}
  lb_algo rr
  lb_kind DR
  protocol TCP
  sorry_server 10.0.12.9 80
  sorry_server_inhibit
  real_server 10.0.12.1 80 {
    weight 1
    TCP_CHECK {
    }
  }
  real_server 10.0.12.2 80 {
#0    weight 1
#12    weight 4
    inhibit_on_failure
    TCP_CHECK {
    }
  }
}
#01 virtual_server 192.0.2.2 80 {
#01   lb_algo rr
#01   lb_kind DR
#01   protocol TCP
#01   sorry_server 10.0.12.9 80
#01   real_server 10.0.12.3 80 {
#01   }
#01 }
`,
    backends: () => tcps(12, 80),
  },
  {
    name: 'fwmarks-both-families',
    config: `${HEAD}virtual_server fwmark 10 {
  ${PACE}
  lb_algo wrr
  lb_kind DR
  persistence_timeout 60
  real_server 10.0.13.1 80 {
    weight 3
    TCP_CHECK {
    }
  }
  real_server 10.0.13.2 80 {
#0    weight 4
#12    weight 5
    TCP_CHECK {
    }
  }
}
#01 virtual_server fwmark 10 {
#01   ip_family inet6
#01   lb_algo rr
#01   lb_kind DR
#01   real_server fd00:0:13::3 80 {
#01     weight 3
#01   }
#01 }
virtual_server fwmark 11 {
  lb_algo rr
  lb_kind NAT
  real_server 10.0.13.3 8080 {
  }
}
`,
    backends: () => tcps(13, 80),
  },
  {
    name: 'tunnels-of-all-types',
    config: `${HEAD}virtual_server 192.0.2.1 80 {
  ${PACE}
  lvs_sched rr
  lvs_method TUN
  protocol TCP
  real_server 10.0.14.1 80 {
    lvs_method TUN type gue port 6080 csum
    TCP_CHECK {
    }
  }
  real_server 10.0.14.2 80 {
#0    lvs_method TUN type gre nocsum
#12    lvs_method TUN type gre csum
    TCP_CHECK {
    }
  }
  real_server 10.0.14.3 80 {
    lvs_method TUN type gue port 6081
  }
  real_server 10.0.14.4 80 {
    lvs_method TUN type ipip
  }
  real_server 10.0.14.5 80 {
    lvs_method NAT
  }
}
#01 virtual_server 192.0.2.2 80 {
#01   lvs_sched rr
#01   lvs_method TUN type gue port 6082 remcsum
#01   protocol TCP
#01   real_server 10.0.14.6 80 {
#01   }
#01 }
`,
    backends: () => tcps(14, 80),
  },
  {
    name: 'ipv6-persistent-granularity',
    config: `${HEAD}virtual_server 2001:db8::1 80 {
  ${PACE}
  lb_algo wlc
  lb_kind NAT
  persistence_timeout 300
#0  persistence_granularity 64
#12  persistence_granularity 128
  protocol TCP
  real_server fd00:0:15::1 8080 {
    weight 1
    TCP_CHECK {
    }
  }
  real_server fd00:0:15::2 8080 {
    weight 2
    HTTP_GET {
      http_protocol 1.1
      url {
        path /same
        digest ${SAME}
      }
    }
  }
}
#01 virtual_server 2001:db8::2 80 {
#01   lb_algo rr
#01   lb_kind DR
#01   protocol TCP
#01   real_server fd00:0:15::3 80 {
#01   }
#01 }
`,
    backends: () => [tcp('fd00:0:15::1', 8080), http('fd00:0:15::2', 8080, OK)],
  },
  {
    name: 'mixed-families-by-tunnel',
    config: `${HEAD}virtual_server 192.0.2.1 80 {
  ${PACE}
  lb_algo rr
  lb_kind TUN
  protocol TCP
  real_server fd00:0:16::1 80 {
    weight 1
    TCP_CHECK {
    }
  }
  real_server 10.0.16.2 80 {
#0    weight 1
#12    weight 2
    TCP_CHECK {
    }
  }
}
#01 virtual_server 2001:db8::1 80 {
#01   lb_algo rr
#01   lb_kind TUN
#01   protocol TCP
#01   real_server 10.0.16.3 80 {
#01   }
#01 }
`,
    backends: () => [tcp('fd00:0:16::1', 80), tcp('10.0.16.2', 80)],
  },
  {
    name: 'sctp-and-connect-port',
    config: `${HEAD}virtual_server 192.0.2.1 2905 {
  ${PACE}
  lvs_sched rr
  lvs_method DR
  protocol SCTP
  real_server 10.0.17.1 2905 {
    weight 1
    TCP_CHECK {
      connect_port 80
    }
  }
  real_server 10.0.17.2 2905 {
#0    weight 1
#12    weight 0
    TCP_CHECK {
      connect_ip 10.0.17.2
      connect_port 80
    }
  }
}
#01 virtual_server 192.0.2.2 2905 {
#01   lvs_sched rr
#01   lvs_method NAT
#01   protocol SCTP
#01   real_server 10.0.17.3 2905 {
#01   }
#01 }
`,
    backends: () => tcps(17, 80),
  },
  {
    name: 'thresholds-and-weight-zero',
    config: `${HEAD}virtual_server 192.0.2.1 80 {
  ${PACE}
  lb_algo wrr
  lb_kind NAT
  protocol TCP
  real_server 10.0.18.1 80 {
    weight 0
    uthreshold 1000
    lthreshold 20
    TCP_CHECK {
    }
  }
  real_server 10.0.18.2 80 {
    weight 12
#0    uthreshold 30
#12    uthreshold 40
    inhibit_on_failure
    TCP_CHECK {
    }
  }
}
#01 virtual_server 192.0.2.2 80 {
#01   lb_algo lc
#01   lb_kind NAT
#01   protocol TCP
#01   real_server 10.0.18.3 80 {
#01     uthreshold 3
#01   }
#01 }
`,
    backends: () => tcps(18, 80),
  },
  {
    name: 'all-schedulers-and-flags',
    config: `${HEAD}${['rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'sh', 'mh', 'dh', 'fo', 'ovf', 'nq', 'sed'].map((scheduler, i) => `virtual_server 192.0.2.${i + 1} 80 {
  ${PACE}
  lvs_sched ${scheduler}
  ${scheduler === 'sh' ? 'sh-port\n  sh-fallback' : scheduler === 'mh' ? 'mh-port' : scheduler === 'fo' ? 'flag-1\n  flag-3' : ''}
  lvs_method NAT
  protocol TCP
  real_server 10.0.19.1 80 {
    weight ${i + 1}
    TCP_CHECK {
    }
  }
}
`).join('')}#01 virtual_server 192.0.2.100 80 {
#01   ${PACE.replaceAll('\n', '\n#01')}
#0   lvs_sched sh
#1   lvs_sched mh
#1   mh-fallback
#01   lvs_method NAT
#01   protocol TCP
#01   real_server 10.0.19.2 80 {
#01     TCP_CHECK {
#01     }
#01   }
#01 }
`,
    backends: () => tcps(19, 80),
  },
  {
    name: 'sip-engine',
    config: `${HEAD}virtual_server 192.0.2.1 5060 {
  ${PACE}
  lb_algo rr
  lb_kind NAT
  ops
  persistence_engine sip
  persistence_timeout 90
  protocol UDP
  real_server 10.0.20.1 5060 {
    weight 1
    UDP_CHECK {
      require_reply
    }
  }
  real_server 10.0.20.2 5060 {
    weight 1
    UDP_CHECK {
      require_reply
    }
  }
}
#01 virtual_server 192.0.2.2 5060 {
#01   lb_algo rr
#01   lb_kind NAT
#0   ops
#01   protocol UDP
#01   real_server 10.0.20.3 5060 {
#01   }
#01 }
`,
    backends: () => [datagrams('10.0.20.1', 5060, (datagram) => datagram), datagrams('10.0.20.2', 5060, (datagram) => datagram)],
  },
  {
    name: 'port-zero-and-shared-group',
    config: `${HEAD}virtual_server_group names {
  192.0.2.30-31 53
}
virtual_server group names {
  ${PACE}
  lb_algo rr
  lb_kind DR
  protocol TCP
  real_server 10.0.23.1 53 {
    TCP_CHECK {
    }
  }
}
#01 virtual_server group names {
#01   ${PACE.replaceAll('\n', '\n#01')}
#01   lb_algo rr
#01   lb_kind DR
#01   protocol UDP
#01   real_server 10.0.23.1 53 {
#01     TCP_CHECK {
#01     }
#01   }
#01 }
virtual_server 192.0.2.1 0 {
  ${PACE}
  lb_algo rr
  lb_kind DR
#12  persistence_timeout 600
  protocol TCP
  real_server 10.0.23.2 0 {
    TCP_CHECK {
      connect_port 80
    }
  }
}
`,
    backends: () => [tcp('10.0.23.1', 53), tcp('10.0.23.2', 80)],
  },
];
